// Promise.all and gather: the values in order, one microtask after the last
const log = s => console.log(String(s));
async function f(n, k) { for (let i = 0; i < k; i++) await null; log('f' + n); return n; }
(async () => { log('all ' + await Promise.all([f(1, 2), f(2, 1)])); })();
(async () => { for (let i = 1; i <= 5; i++) { await null; log('turn ' + i); } })();
