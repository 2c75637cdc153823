// The first step of an async function runs at once
const log = s => console.log(String(s));
async function f() { log('in'); await null; log('after'); }
log('a'); f(); log('b');
