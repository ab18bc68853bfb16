/** The manifest of an installed engine. */

/** The file that an installation writes last. A folder without it was not made by fslc. */
export const manifestFile = "installed.json";
