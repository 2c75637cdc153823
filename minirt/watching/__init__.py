"""What a program does, told while it runs: events, a gate that holds it, and a player."""
