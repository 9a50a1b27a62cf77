"""Who a raw key belongs to."""
