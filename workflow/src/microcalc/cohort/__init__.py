"""The validated tables: who is in the study, in which split, and why others are not."""
