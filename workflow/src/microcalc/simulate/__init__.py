"""The demo's patients: tables, phantoms and DICOM files, drawn from one seed."""
