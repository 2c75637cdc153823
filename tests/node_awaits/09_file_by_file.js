// Awaits one after the other: each file ends a turn, and its immediate comes before the next
const log = s => console.log(String(s));
const fs = require('fs').promises;
(async () => { for (const n of [1, 2, 3]) { await fs.readFile(__filename); log('file ' + n); setImmediate(() => log('immediate ' + n)); process.nextTick(() => log('tick ' + n)); } })();
