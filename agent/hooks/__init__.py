"""The door for webhooks: a call is verified, kept on disk, answered, and its ticket read at once."""
