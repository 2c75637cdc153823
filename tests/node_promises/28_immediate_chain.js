// An immediate made after an await waits one turn
const log = s => console.log(String(s));
setImmediate(async () => { log('1'); await null; setImmediate(() => log('3')); log('2'); });
setImmediate(() => log('same phase'));
