// An unheard error is told before the next timer of the same time
const log = s => console.log(String(s));
process.on('unhandledRejection', e => log('unheard ' + e.message));
setTimeout(async () => { log('first'); await null; process.nextTick(() => log('tick')); throw new Error('x'); }, 1);
setTimeout(() => log('second'), 1);
setImmediate(() => log('immediate'));
const until = Date.now() + 20; while (Date.now() < until);
