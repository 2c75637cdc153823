// A chain of async functions returns in as many microtasks as it has tasks
const log = s => console.log(String(s));
const deep = async n => n === 0 ? 'bottom' : await deep(n - 1);
(async () => { log(await deep(3)); })();
(async () => { for (let i = 0; i < 6; i++) { log('turn ' + i); await null; } })();
