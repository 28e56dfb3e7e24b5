"""MicroCalc: from raw mammograms to a finished DCIS-versus-IDC study."""

__version__ = "0.1.0"
