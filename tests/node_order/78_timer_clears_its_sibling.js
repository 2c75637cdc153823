// A timer clears one that is due in the same batch
// why: equal deadlines keep their order, and a cleared timer never runs
// source: nodejs/learn pages/asynchronous-work/event-loop-timers-and-nexttick.md
const log = s => console.log(s);
const sibling = () => clearTimeout(b);
setTimeout(() => { log('a'); sibling(); }, 5);
const b = setTimeout(() => log('b'), 5);
setTimeout(() => log('c'), 5);
