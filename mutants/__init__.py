"""Changes the deciding code in one place at a time, and says which changes no test notices: `make mutants`."""
