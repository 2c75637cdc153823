// A finally that awaits lets others go on before the error is seen
const log = s => console.log(String(s));
const f = async n => { try { await null; throw new Error(n); } finally { log(n + ' cleans'); await null; log(n + ' is clean'); } };
for (const n of ['a', 'b']) (async () => { try { await f(n); } catch (e) { log('caught ' + e.message); } })();
process.nextTick(() => log('tick'));
