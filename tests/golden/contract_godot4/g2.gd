class_name G2 extends G1
@rpc func g2m(): pass
