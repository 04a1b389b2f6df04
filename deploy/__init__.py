"""Deploys the service with SAM, removes it again, and checks what is deployed."""
