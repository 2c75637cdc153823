// An async callback begins where a plain one would
const log = s => console.log(String(s));
setImmediate(async () => { log('in'); await null; log('after'); }); setImmediate(() => log('plain'));
process.nextTick(async () => { log('tick'); await null; log('after tick'); }); queueMicrotask(() => log('micro'));
