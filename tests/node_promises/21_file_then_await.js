// After a read comes the check phase, then timers
const log = s => console.log(String(s));
const fs = require('fs').promises;
(async () => { await fs.readFile(__filename); log('read'); setTimeout(() => log('timer'), 1); setImmediate(() => log('immediate')); await null; log('await'); })();
