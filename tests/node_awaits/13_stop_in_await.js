// An immediate that is cleared while a task awaits does not run
const log = s => console.log(String(s));
let im; 
(async () => { await null; clearImmediate(im); clearTimeout(t); log('cleared'); })();
im = setImmediate(() => log('never'));
const t = setTimeout(() => log('never'), 1);
setImmediate(() => log('immediate'));
