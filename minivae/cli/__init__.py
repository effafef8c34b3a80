"""The command line: each command in a file of its own, with its flags (add_arguments)
and what it does (command)."""
