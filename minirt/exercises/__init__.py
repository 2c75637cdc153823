"""What is each exercise, and how is an answer judged? `mechanism` says how to write one."""
