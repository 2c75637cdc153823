// Sleeps end by their deadlines
const log = s => console.log(String(s));
const sleep = ms => new Promise(r => setTimeout(r, ms));
async function f(ms) { await sleep(ms); log(ms); }
f(30); f(10); f(20);
