"""Changes the deciding code in one place at a time, and reports changes that no test detects: `make mutants`."""
