extends RefCounted
# The crown beside the player whose turn it is.

const GOLD := Color(1.0, 0.8, 0.2)
const PATTERN := [
	"................",
	".......##.......",
	".......##.......",
	".#....####....#.",
	".##...####...##.",
	".###.######.###.",
	".##############.",
	".##############.",
	".##############.",
	"..############..",
	"................",
	"..############..",
	"................",
]


static func texture() -> Texture2D:
	var image := Image.create(PATTERN[0].length(), PATTERN.size(), false, Image.FORMAT_RGBA8)
	for y in image.get_height():
		for x in image.get_width():
			if PATTERN[y][x] == "#":
				image.set_pixel(x, y, GOLD)
	return ImageTexture.create_from_image(image)
