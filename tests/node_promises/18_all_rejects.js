// The first error of many
const log = s => console.log(String(s));
const bad = async n => { for (let i = 0; i < n; i++) await null; throw new Error('e' + n); };
(async () => { try { await Promise.all([bad(3), bad(1)]); } catch (e) { log(e.message); } })();
