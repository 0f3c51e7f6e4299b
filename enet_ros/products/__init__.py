"""What planners and people need of a label image, as functions from arrays to arrays, without messages and clocks.

images       colours, overlay, masks of groups of classes, and the surface image that the following files share
free_space   the drivable run of every column
lens, ground from pixels to the ground and back: calibration, pose, ground plane
points       ranges, obstacle, free and ground points
occupancy    a grid of free and occupied cells
run_length   Autoware's code of a mask
"""
