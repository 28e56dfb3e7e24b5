"""What a study is: its config, checked and completed."""
