// Awaits that never end hold timers and immediates back (bounded to 1000)
const log = s => console.log(String(s));
let n = 0; setImmediate(() => log('immediate sees n=' + n));
(async () => { while (n < 1000) { n++; await null; } })();
