"""The command line: a view of the floors below, one file a command. It holds no logic of its own."""
