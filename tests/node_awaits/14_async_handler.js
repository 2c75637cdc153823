// What an error left behind runs before an async handler of errors goes on
const log = s => console.log(String(s));
process.on('uncaughtException', async e => { log('handler'); await null; log('told ' + e.message); });
setImmediate(() => { queueMicrotask(() => log('micro')); throw new Error('x'); });
