/* The page on which a person corrects labels: label.html, one file with everything in it. */
#ifndef CLI_LABEL_PAGE_H
#define CLI_LABEL_PAGE_H

/* Writes `page` for the labels in the file `annotations`, whose pictures are found relative to the
 * page. What `annotations` holds is looked at line by line, but judged by the page. Returns an exit
 * code, after a message when it is not CLI_OK; an older page is kept then. */
int label_write_page(const char *annotations, const char *page);

/* The pieces of the page, made from the files in apps/cli/label: the keypoint set goes behind the
 * first, the lines behind the second. */
extern const char *const label_page_parts[3];

#endif
