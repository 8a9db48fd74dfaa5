"""The clients that are installed as commands, and the sound that they and `clients/talk.py` share."""
