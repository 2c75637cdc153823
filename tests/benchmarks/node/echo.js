// The echo server, as echo.py: prints its port, answers a line with the CPU seconds used, ends with its input.
// Usage: node echo.js HOST
const net = require("net");

const server = net.createServer((connection) => {
  connection.on("data", (received) => connection.write(received));
  connection.on("error", () => connection.destroy());
});
server.listen({ host: process.argv[2], port: 0, backlog: 1024 }, () => console.log(server.address().port));

process.stdin.on("data", () => {
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1e6);
});
process.stdin.on("end", () => process.exit());
