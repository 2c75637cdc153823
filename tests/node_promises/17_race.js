// Promise.race and race: the first one
const log = s => console.log(String(s));
const sleep = (ms, v) => new Promise(r => setTimeout(() => r(v), ms));
(async () => { log('race ' + await Promise.race([sleep(30, 'slow'), sleep(5, 'fast')])); })(); log('main');
