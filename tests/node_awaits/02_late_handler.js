// A handler that an immediate attaches is too late, one of a tick in time
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
process.on('rejectionHandled', () => {});
const bad = async m => { throw new Error(m); };
const a = bad('a'), b = bad('b');
process.nextTick(() => b.catch(e => log('heard ' + e.message)));
setImmediate(() => a.catch(e => log('late ' + e.message)));
