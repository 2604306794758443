"""What each command does; a handler is imported when its command is called, gets what was typed, and prints."""
