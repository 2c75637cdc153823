// An error goes to the await, not to the loop
const log = s => console.log(String(s));
async function bad() { await null; throw new Error('x'); }
(async () => { try { await bad(); } catch (e) { log('caught ' + e.message); } finally { log('finally'); } })(); log('main');
