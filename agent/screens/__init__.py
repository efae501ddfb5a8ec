"""What people see of the commands that answer with data."""
