// Awaiting a task takes one microtask when it is over
const log = s => console.log(String(s));
async function inner() { log('inner'); await null; log('inner 2'); return 'value'; }
(async () => { const v = await inner(); log(v); })();
(async () => { for (let i = 1; i <= 3; i++) { await null; log('turn ' + i); } })();
