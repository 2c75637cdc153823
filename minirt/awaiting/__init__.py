"""async/await on callbacks: futures, tasks, and what a program waits for."""
