// A tick comes before an await goes on
const log = s => console.log(String(s));
async function f() { await null; log('await'); }
f(); process.nextTick(() => log('tick'));
