"""How the service is: for people, load balancers and Prometheus."""
