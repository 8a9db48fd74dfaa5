"""A line: a call over plain sound, without a protocol that could say more than samples do."""
