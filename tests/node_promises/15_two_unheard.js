// Two errors that nobody hears, in their order
const log = s => console.log(String(s));
process.on('unhandledRejection', e => { log('unheard ' + e.message); });
async function bad(n) { throw new Error(n); }
bad('1'); bad('2'); setImmediate(() => log('immediate'));
