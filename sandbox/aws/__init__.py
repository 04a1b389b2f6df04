"""STS and ECR as far as the exchange talks to them, over the wire, and refusing what AWS refuses."""
