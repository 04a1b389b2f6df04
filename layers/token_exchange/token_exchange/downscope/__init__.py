"""What a granted login becomes in AWS: one session, cut to this one request and traceable to who asked."""
