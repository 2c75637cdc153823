// What a program is given: `log(label)` notes the time since the program began, in milliseconds;
// `block(ms)` keeps the thread busy. The lines are printed at the end: printing takes time, too.
const start = performance.now();
const lines = [];
exports.log = label => lines.push(`${label} ${(performance.now() - start).toFixed(1)}`);
exports.block = ms => { for (const end = performance.now() + ms; performance.now() < end;); };
process.on('exit', () => console.log(lines.join('\n')));
