// An error that is heard by one who fails is told once, as the other's
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
const a = (async () => { await null; throw new Error('a'); })();
(async () => { try { await a; } catch (e) { throw new Error('b of ' + e.message); } })();
setImmediate(() => log('immediate'));
