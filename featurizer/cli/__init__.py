"""The command line: each module parses one family of commands, calls the library and prints."""
