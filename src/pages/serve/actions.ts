/** The actions that the parts of the page share. */
export interface Actions {
  /** Says a text to a screen reader and, if it has a method, asks the server for a change and shows the new page. */
  readonly change: (news: string, method?: string, path?: string, body?: FormData | object) => void;
}
