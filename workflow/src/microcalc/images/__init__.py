"""From a mammogram's file to one patch per view, with its quality control."""
