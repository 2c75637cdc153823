// A reaction of a settled promise is a microtask, behind those that wait
const log = s => console.log(String(s));
const p = Promise.resolve(1);
queueMicrotask(() => log('micro')); p.then(() => log('then')); log('main');
